select id from {{ ref('grown') }} group by id having count(*) > 1
