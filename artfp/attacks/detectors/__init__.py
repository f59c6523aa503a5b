"""Those who want to know whether images are marked, and have no codec of the publisher's."""
