"""What this project costs in time and memory, measured beside what people use today."""
