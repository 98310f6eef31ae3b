# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""What the end-to-end tests are made of: programs, players, games, a network."""
