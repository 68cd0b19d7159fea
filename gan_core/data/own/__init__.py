"""The learner's own data: uploads and files, read under limits."""
