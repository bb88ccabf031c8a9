from rallypoint.testing.contract import contract_of

TestContract = contract_of("mail")
