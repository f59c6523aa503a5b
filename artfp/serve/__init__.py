"""A detector for the public: one page and a JSON API that say whether images carry a registered key, and no more.

    stranger --HTTP--> app: limits, uploads --> waiting --pipe--> worker: codecs, keys --> `Answers`, coarse --> app

The process that talks to strangers holds no key and no codec: the worker has them, and what comes out of it is coarse
already. Extra `serve`; docs/serve.md.
"""
