"""Who may do what: users with role sets, sessions, rooms and workplaces, and requests that may be repeated."""
