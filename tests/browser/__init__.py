"""Tests of the pages in a real browser. This is a package so that fixtures of the scope "package" end with it."""
