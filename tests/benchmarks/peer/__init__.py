"""What a person would use instead of prismd, each as a program in an environment of its own."""
