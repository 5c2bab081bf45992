-- A later load that does not say does not erase what an earlier one said.
select
    person_key,
    site,
    {{ latest('sex', 'sex is not null', 'load_id') }} as sex,
    {{ latest('birth_year', 'birth_year is not null', 'load_id') }} as birth_year
from {{ ref('stg_person__people') }}
group by person_key, site
