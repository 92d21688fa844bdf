{{ config(materialized='view') }}
select * from {{ ref('buyers') }} where joined < '2024-02-15'
