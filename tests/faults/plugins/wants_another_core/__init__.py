"""Works with a core of the past"""
