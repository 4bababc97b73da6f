#include "engine/model/policy.hpp"

#include <gtest/gtest.h>

namespace revoked::engine::policy_test {

constexpr Permission all_permissions[] = {
    Permission::keys_create, Permission::keys_read,  Permission::keys_verify,   Permission::keys_write,
    Permission::keys_revoke, Permission::audit_read, Permission::gateways_read, Permission::gateway,
};

Principal with_permissions(std::string_view permissions) {
  return {false, std::string(permissions), {}, "k1"};
}

Decision key(KeyState state) {
  Decision decision;
  decision.state = state;
  decision.key_id = "k1";
  decision.permissions = "keys:read";
  return decision;
}

TEST(Policy, NobodyMayAnything) {
  for (const auto permission : all_permissions) {
    EXPECT_FALSE(may(Principal{}, permission));
    EXPECT_FALSE(may(with_permissions("unknown"), permission));
  }
}

TEST(Policy, MasterMayEverything) {
  for (const auto permission : all_permissions) EXPECT_TRUE(may({true, {}, {}, "master"}, permission));
}

TEST(Policy, PermissionAllowsItselfAndNothingElse) {
  for (const auto held : all_permissions) {
    const auto principal = with_permissions(to_string(held));
    for (const auto wanted : all_permissions) {
      const bool included = held == Permission::gateway && wanted == Permission::keys_verify;
      EXPECT_EQ(may(principal, wanted), held == wanted || included)
          << to_string(held) << ' ' << to_string(wanted);
    }
  }
}

TEST(Policy, WhatTakesAMasterKeyNoListGives) {
  EXPECT_TRUE(may({true, {}, {}, "master"}, Permission::master_key));
  std::string all;
  for (const auto permission : all_permissions) all.append(to_string(permission)).append(" ");
  for (const auto& permissions : {std::string(), all + "master master_key",
                                  std::string(to_string(Permission::master_key)), std::string(" ")})
    EXPECT_FALSE(may(with_permissions(permissions), Permission::master_key)) << permissions;
}

TEST(Policy, PermissionsAreWholeWords) {
  EXPECT_TRUE(may(with_permissions("keys:read keys:revoke"), Permission::keys_revoke));
  EXPECT_TRUE(may(with_permissions("keys:read keys:revoke"), Permission::keys_read));
  for (const auto* permissions :
       {"keys:revoker", "xkeys:revoke", "keys:revoke:x", "keys", "keys:", "keys:*", "*", "KEYS:REVOKE"}) {
    EXPECT_FALSE(may(with_permissions(permissions), Permission::keys_revoke)) << permissions;
  }
}

TEST(Policy, LimitDoesNotTakePermissionsAway) {
  auto principal = with_permissions("keys:revoke");
  principal.reach.limits[0] = {"u1"};
  EXPECT_TRUE(may(principal, Permission::keys_revoke));
}

TEST(Policy, NobodyGrantsAPermissionThatTheyDoNotHold) {
  const auto principal = with_permissions("keys:create orders:read");
  EXPECT_TRUE(may_grant(principal, ""));
  EXPECT_TRUE(may_grant(principal, "orders:read"));
  EXPECT_TRUE(may_grant(principal, "orders:read keys:create"));
  EXPECT_FALSE(may_grant(principal, "orders:read keys:revoke"));
  EXPECT_FALSE(may_grant(principal, "keys:verify"));
  EXPECT_TRUE(may_grant(with_permissions("gateway"), "keys:verify"));
  EXPECT_TRUE(may_grant({true, {}, {}, "master"}, "anything at:all"));
}

TEST(Reach, CoversWhatHasAnAllowedOwnerInEveryLimitedScope) {
  using Owners = std::array<std::string, 3>;
  Reach reach;
  EXPECT_TRUE(reach.is_unlimited());
  EXPECT_TRUE(reach.covers(Owners{"", "", ""}));
  reach.limits[2] = {"w1", "w2"};
  EXPECT_FALSE(reach.is_unlimited());
  EXPECT_TRUE(reach.covers(Owners{"u", "a", "w2"}));
  EXPECT_FALSE(reach.covers(Owners{"u", "a", "w3"}));
  EXPECT_FALSE(reach.covers(Owners{"u", "a", ""}));
  reach.limits[0] = {"u1"};
  EXPECT_TRUE(reach.covers(Owners{"u1", "", "w1"}));
  EXPECT_FALSE(reach.covers(Owners{"u2", "", "w1"}));
  reach.limits[1] = std::vector<std::string>{};  // limited to no owner
  EXPECT_FALSE(reach.covers(Owners{"u1", "a", "w1"}));
}

Reach reach_of(std::array<std::size_t, 3> owners) {
  Reach reach;
  for (const Scope scope : all_scopes) {
    const auto i = static_cast<std::size_t>(scope);
    if (owners[i] != 0) reach.limits[i].emplace(owners[i], "o");
  }
  return reach;
}

TEST(Width, IsComparedInEveryScope) {
  const auto width = [](std::array<std::size_t, 3> owners) {
    const auto reach = reach_of(owners);
    return width_of(&reach);
  };
  EXPECT_EQ(width_of(nullptr), width({0, 0, 0}));
  EXPECT_EQ(width({1, 1, 1}), (1 << width_bits) - 1) << "fits";
  const std::size_t counts[] = {0, 100, 32, 16, 8, 4, 2, 1};  // widest first
  for (std::size_t i = 0; i < std::size(counts); ++i) {
    for (std::size_t j = 0; j < std::size(counts); ++j) {
      EXPECT_EQ(is_as_wide(width({0, 0, counts[i]}), width({0, 0, counts[j]})), i <= j) << i << ' ' << j;
      EXPECT_EQ(is_as_wide(width({counts[i], 1, 0}), width({counts[j], 1, 0})), i <= j);
    }
  }
  EXPECT_FALSE(is_as_wide(width({1, 0, 0}), width({0, 0, 1}))) << "neither is as wide as the other";
  EXPECT_FALSE(is_as_wide(width({0, 0, 1}), width({1, 0, 0})));
  EXPECT_EQ(widest_of(width({1, 0, 0}), width({0, 0, 1})), width({0, 0, 0}));
  EXPECT_EQ(widest_of(width({1, 2, 1}), width({1, 1, 4})), width({1, 2, 4}));
}

TEST(Policy, NobodyObtainsASecretThatSaysMoreThanTheyAre) {
  auto principal = with_permissions("keys:create");
  principal.reach = reach_of({1, 0, 0});
  EXPECT_TRUE(may_create(principal, {"", {"o", "a", ""}}));
  EXPECT_EQ(may_create(principal, {"", {"o", "", "w"}}).error(), errc::forbidden);
  EXPECT_EQ(may_rotate(principal, {"", {"o", "", "w"}}).error(), errc::forbidden);
  EXPECT_EQ(may_create(principal, {"", {"", "", ""}}).error(), errc::forbidden);
  principal.reach = reach_of({0, 0, 1});
  EXPECT_TRUE(may_create(principal, {"keys:create", {"u", "a", "o"}}));
  EXPECT_EQ(may_create(principal, {"keys:read", {"", "", "o"}}).error(), errc::forbidden);
  principal.expires_at = 1000;
  EXPECT_TRUE(may_create(principal, {"", {"", "", "o"}, 1000}));
  EXPECT_EQ(may_create(principal, {"", {"", "", "o"}, 1001}).error(), errc::outlives_caller);
  EXPECT_EQ(may_rotate(principal, {"", {"", "", "o"}, 0}).error(), errc::outlives_caller);
  EXPECT_TRUE(may_create({true, {}, {}, "master"}, {"any:thing", {"u", "a", "w"}}));
}

TEST(Policy, OnlyAnActiveKeyIsAPrincipal) {
  for (const auto state : {KeyState::unknown, KeyState::suspended, KeyState::expired, KeyState::revoked}) {
    EXPECT_FALSE(principal_of(key(state))) << to_string(state);
  }
  const auto principal = principal_of(key(KeyState::active));
  ASSERT_TRUE(principal);
  EXPECT_FALSE(principal->is_master);
  EXPECT_TRUE(principal->reach.is_unlimited());
  EXPECT_EQ(principal->permissions, "keys:read");
  EXPECT_EQ(principal->actor, "k1");
}

TEST(Policy, KeyOfAnOwnerIsLimitedToIt) {
  for (const auto scope : all_scopes) {
    auto owned = key(KeyState::active);
    owned.owners[static_cast<std::size_t>(scope)] = "o1";
    const auto reach = principal_of(owned)->reach;
    EXPECT_TRUE(reach.allows(scope, "o1")) << to_string(scope);
    EXPECT_FALSE(reach.allows(scope, "o2")) << to_string(scope);
  }
}

}  // namespace revoked::engine::policy_test
