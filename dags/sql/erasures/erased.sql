-- How much this run has erased already.
SELECT COUNT(*) AS entries FROM {{ dataset }}.erasures WHERE run_id = @run_id
