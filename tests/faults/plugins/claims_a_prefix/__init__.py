"""Claims the prefix of rooms"""
