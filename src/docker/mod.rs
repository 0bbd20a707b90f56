//! docker (see docs/architecture.md).
