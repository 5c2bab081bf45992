with source as (
    select * from {{ source('landing', 'question') }}
),

renamed as (
    select
        -- keys
        questionnaire_code,
        questionnaire_version,
        question_code,
        -- facts
        wording,
        case when wording ~ '[一-龥]' then 'zh' else 'en' end as language,
        min(asked_from) as asked_from
    from source
    group by questionnaire_code, questionnaire_version, question_code, wording
)

select * from renamed
