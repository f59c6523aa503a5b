"""The comparison: artfp and the passive systems, asked the same questions about images of the same generators.

    recipe --sources.py--> photographs; each model trained on them as they are, and on marked ones; images of both
           --teaching.py--> a passive system for each course --examining.py--> RUN/rows/COURSE-SYSTEM.json

Passive systems see models that were trained as anyone trains; artfp (`proactive.py`) sees the same models trained on
marked images, as it asks of their owner. Photographs are the same for all.
"""
