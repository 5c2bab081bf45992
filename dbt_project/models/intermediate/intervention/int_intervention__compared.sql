-- Who could have been enrolled and was not: values of people in no programme from a year before to 540 days after.
select
    observed.*,
    -- exact: of floats it would depend on the order the server reads them in
    (stddev_samp(observed.value::numeric) over of_programme)::double precision as value_spread
from {{ ref('int_intervention__observed') }} as observed
where
    not exists (
        select from {{ ref('stg_intervention__interventions') }} as enrolled
        where
            enrolled.person_key = observed.person_key
            and enrolled.start_date between observed.exam_date - 365 and observed.exam_date + 540
    )
window of_programme as (partition by observed.programme)
