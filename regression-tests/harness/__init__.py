# SPDX-License-Identifier: BSD-2-Clause
"""The parts that regression tests are made of: the program, its console, servers behind it, clients before it."""
