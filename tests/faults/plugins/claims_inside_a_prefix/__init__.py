"""Claims a prefix that would swallow a route of rooms"""
