{{ config(materialized='materialized_view') }}
select town, buyers from {{ ref('by_town') }}
