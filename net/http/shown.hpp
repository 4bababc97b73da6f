#pragma once
// A piece of what was sent, for people: in an error that says what is wrong with it.

#include <string>
#include <string_view>

namespace revoked::net {

// Whether it may be shown as it is: printable, and shorter than most secrets and than no name of ours.
bool is_showable(std::string_view text);
// In quotation marks, without what is not printable, and cut off. Not for what may be a secret.
std::string shown(std::string_view text);

}  // namespace revoked::net
