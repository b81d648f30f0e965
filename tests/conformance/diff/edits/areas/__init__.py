"""The edits, by what they edit; `all_edits` has them all."""
