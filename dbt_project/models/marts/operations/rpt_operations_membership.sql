-- Members on the last day of each month, and what happened to cards in it.
with months as (
    select
        generate_series(
            date_trunc('month', min(event_date)), (select as_of from {{ ref('int_rule__dated') }}), interval '1 month'
        )::date as month
    from {{ ref('stg_card__events') }}
),

sites as (
    select distinct site from {{ ref('stg_card__events') }}
),

members as (
    select
        sites.site,
        months.month,
        count(distinct cards.person_key)::int as member_count
    from months
    cross join sites
    left join {{ ref('int_card__dated') }} as cards
        on
            sites.site = cards.site
            and cards.card_status = 'active'
            and cards.valid_from < months.month + interval '1 month'
            and coalesce(cards.valid_until >= months.month + interval '1 month', true)
    group by sites.site, months.month
),

happened as (
    select
        site,
        date_trunc('month', event_date)::date as month,
        {% for event in ['issue', 'renew', 'replace', 'suspend', 'close'] %}
            count(*) filter (where event = '{{ event }}') as {{ event }}_count,
        {% endfor %}
        count(*) as event_count
    from {{ ref('stg_card__events') }}
    group by site, date_trunc('month', event_date)
)

select
    members.site,
    members.month,
    members.member_count,
    {% for event in ['issue', 'renew', 'replace', 'suspend', 'close'] %}
        coalesce(happened.{{ event }}_count, 0)::int as {{ event }}_count,
    {% endfor %}
    coalesce(happened.event_count, 0)::int as event_count
from members
left join happened using (site, month)
