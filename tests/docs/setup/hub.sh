export AWS_CA_BUNDLE=$PWD/ca.pem
