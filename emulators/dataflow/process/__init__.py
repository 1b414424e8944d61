"""A job's operating-system process: started, followed, ended."""
