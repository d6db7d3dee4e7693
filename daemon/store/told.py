"""What came of a batch, counted in its own row: breakers, ramps and limits ask for it at every weighing."""

from sqlalchemy import text

COUNT_TOLD = text("""
    UPDATE batches SET (told, confirmed, came_back, unknown, refused, told_at) = (
      SELECT count(outcome), count(*) FILTER (WHERE outcome = 'confirmed'), count(*) FILTER (WHERE outcome = 'came_back'),
        count(*) FILTER (WHERE outcome = 'unknown'), count(*) FILTER (WHERE outcome = 'refused'),
        max(settled_at) FILTER (WHERE outcome <> 'refused')
      FROM batch_items WHERE batch_no = :batch)
    WHERE batch_no = :batch
    RETURNING size - told AS open""")
"""Count the outcomes of a batch again; return how many are missing."""
