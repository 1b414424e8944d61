LOWER(REPLACE(REPLACE(NULLIF(REGEXP_EXTRACT(query, r'(?i)(?:^|&)utm_{{ parameter | default('source') }}=([^&]*)'), ''), '+', ' '), '%20', ' '))
