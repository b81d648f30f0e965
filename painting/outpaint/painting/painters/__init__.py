"""The painters, their table, and what several of them share: windows, working copies, seams."""
