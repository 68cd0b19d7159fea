"""The learner's own data: uploads and files, read within limits."""
