select
    due.*,
    tagged.name_zh as tag_name_zh,
    tagged.name_en as tag_name_en
from {{ ref('int_follow_up__timed') }} as due
inner join {{ ref('int_rule__tagged') }} as tagged using (person_tag_key)
