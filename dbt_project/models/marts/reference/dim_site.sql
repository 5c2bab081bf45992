select
    site,
    name_zh,
    name_en
from {{ ref('sites') }}
