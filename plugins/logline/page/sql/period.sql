log_date BETWEEN @first_day AND @last_day
