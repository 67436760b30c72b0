"""The web page: what each screen shows (`views`), how it is written (`templates`, `render`), what it loads (`static`).

Nothing here knows a store or HTTP: `drift.service.pages` fills views, `drift.api.pages` answers requests.
"""
