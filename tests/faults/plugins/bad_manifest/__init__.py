"""Its manifest has a wrong field"""
