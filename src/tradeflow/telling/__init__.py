"""What is said of a release and its leads, by the report and the application alike: names, words, facts, figures of charts."""
