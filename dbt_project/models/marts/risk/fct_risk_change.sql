-- Of the version of each model that is shown.
select
    changes.person_key,
    changes.site,
    changes.exam_key,
    changes.exam_date,
    changes.model,
    changes.version,
    changes.input,
    changes.risk_target,
    changes.risk_then,
    changes.risk_now
from {{ ref('stg_risk__changes') }} as changes
inner join {{ ref('int_risk__scored') }} as scores
    on
        changes.person_key = scores.person_key
        and changes.exam_key = scores.exam_key
        and changes.model = scores.model
        and changes.version = scores.version
where scores.category is not null
