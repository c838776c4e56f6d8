// The journal's folder and files belong to the gateway's user alone, whatever the umask says.
#pragma once

#include <string>
#include <vector>

#include "lib/base/result.h"

namespace kefu {

// Makes `folder` when it is missing. Takes the rights of others on it away (0700) when it is ours and holds
// nothing else, and on the journal's files in it (0600). What could not be done is returned as warnings.
Result<std::vector<std::string>> make_private(const std::string& folder);

// Makes an empty file with mode 0600 unless there is one. What fails is found by whoever opens the file.
void make_private_file(const std::string& file);

}  // namespace kefu
