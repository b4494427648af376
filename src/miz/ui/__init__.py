"""The design system: layout, components, languages, static files and how an error looks. No product words."""
