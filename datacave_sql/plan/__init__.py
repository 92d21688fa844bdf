"""Planning: logical plans, and how they become operators."""
