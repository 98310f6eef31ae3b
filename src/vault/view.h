// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What is shown to entries of the vault (struct vault_view): a copy, in a file in memory that the
// guard alone can write, because it is sealed against every other mapping that could
// (memfd_create(2), F_SEAL_FUTURE_WRITE). What is true stands in the vault; each guard copies it
// when something has changed.
//
// Errors: as each says.
#ifndef STAYD_VAULT_VIEW_H
#define STAYD_VAULT_VIEW_H

#include "vault/layout.h"

// Make one and map it to be written, for this process and its clones. Its descriptor; -1 with errno.
int view_make(struct vault_view **view);

// Map one to be read. NULL with errno.
const struct vault_view *view_map(int fd);

// At whatever moment another process looks, each ticket key is whole, or none.
void view_copy(struct vault_view *to, const struct vault_view *from);

#endif
