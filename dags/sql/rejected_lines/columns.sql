raw_line, error_type, error_message, source, source_uri, source_offset, event_id, parser_version, ingested_at
