"""The language between the search and language models: one menu feeds prompt, schema and parser.

menu.py     what may be said: sites by name, values as text
schema.py   the form of an answer, as pydantic model and JSON schema
prompt.py   a view as text
parse.py    an answer as proposals and rejections
"""
