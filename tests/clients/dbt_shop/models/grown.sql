{{ config(materialized='incremental', unique_key='id') }}
select id, name, now() as seen from {{ ref('buyers') }}
{% if is_incremental() %} where id > (select max(id) - 1 from {{ this }}) {% endif %}
