(@host IS NULL OR IFNULL(host, '(none)') = @host)
