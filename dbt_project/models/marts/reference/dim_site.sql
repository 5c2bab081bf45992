-- A site that sends data before the seed names it is called by its code.
with seen as (
    select distinct site from {{ ref('int_person__merged') }}
)

select
    coalesce(sites.site, seen.site) as site,
    coalesce(sites.name_zh, seen.site) as name_zh,
    coalesce(sites.name_en, seen.site) as name_en
from {{ ref('sites') }} as sites
full outer join seen on sites.site = seen.site
