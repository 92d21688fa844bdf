{% snapshot history %}
{{ config(target_schema='dbt', unique_key='id', strategy='check', check_cols=['town']) }}
select * from {{ ref('buyers') }}
{% endsnapshot %}
