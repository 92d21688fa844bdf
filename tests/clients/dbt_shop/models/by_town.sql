{{ config(materialized='table', indexes=[{'columns': ['town'], 'unique': true}]) }}
select coalesce(town, 'nowhere') as town, count(*) as buyers from {{ ref('buyers') }} group by 1
