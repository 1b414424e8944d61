{# Cloud Storage did not give the object: it was down, or the job's account may not read it. Another run may read it. #}
IFNULL(error_type, '') IN ('unreadable', 'missing_bucket')
