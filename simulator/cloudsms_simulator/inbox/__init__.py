"""The inbox: pages on the admin port that show what happened, and change things by calling the admin API.

`app.inbox_routes` says which path is which page. The pages themselves are imported and made when the first one is asked
for (`pages.Pages`), so that calls of the API need not wait for Jinja2. A request becomes a `PageContext`
(`page_context`: account or scope, search, language, theme, clock); a class `...Page` in the module of that name (one
message and one request: `detail`) reads the journal through `ApiContext` and gives plain Structs to a template;
`templates.Templates` renders it in the language of the page, masks AUTH_KEYs and sets the security headers. Nothing is
polled: `/pulse` tells an open page, by server-sent events, that there is something new, and the page asks again for the
part that changed.

Folders: `templates/` (Jinja2), `static/` (styles, scripts, icons), `zh/` (Chinese texts, by the English ones).
"""
