// Brings the file of an older program forward. Within the caller's transaction.
#pragma once

#include "gateway/journal/statement.h"

namespace kefu {

// Format 1 had no kinds, sources, hops, notes and reply windows. `schema` makes today's tables.
void upgrade_from_format_1(Database& database, const char* schema);
// Format 2 had no checksums. Its events get none: only their content says whether they can be read.
void upgrade_from_format_2(Database& database);

}  // namespace kefu
