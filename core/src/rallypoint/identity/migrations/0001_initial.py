from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise import fields
from tortoise.indexes import Index

class Migration(migrations.Migration):
    initial = True

    operations = [
        ops.CreateModel(
            name='Account',
            fields=[
                ('id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=36)),
                ('name', fields.CharField(max_length=200)),
                ('mode', fields.CharField(max_length=8)),
                ('twin_of', fields.CharField(null=True, unique=True, max_length=36)),
                ('created_at', fields.BigIntField()),
            ],
            options={'table': 'accounts', 'app': 'identity', 'pk_attr': 'id'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='ApiKey',
            fields=[
                ('id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=36)),
                ('account_id', fields.CharField(max_length=36)),
                ('user_id', fields.CharField(max_length=36)),
                ('owner_id', fields.CharField(max_length=36)),
                ('mode', fields.CharField(max_length=8)),
                ('label', fields.CharField(max_length=200)),
                ('prefix', fields.CharField(max_length=16)),
                ('hash', fields.CharField(unique=True, max_length=64)),
                ('created_at', fields.BigIntField()),
                ('last_used_at', fields.BigIntField(null=True)),
                ('revoked_at', fields.BigIntField(null=True, db_index=True)),
            ],
            options={'table': 'api_keys', 'app': 'identity', 'indexes': [Index(fields=['owner_id', 'revoked_at', 'id']), Index(fields=['user_id', 'revoked_at', 'id'])], 'pk_attr': 'id'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='Invite',
            fields=[
                ('id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=36)),
                ('account_id', fields.CharField(db_index=True, max_length=36)),
                ('role', fields.CharField(max_length=8)),
                ('hash', fields.CharField(unique=True, max_length=64)),
                ('created_by', fields.CharField(max_length=36)),
                ('created_at', fields.BigIntField()),
                ('expires_at', fields.BigIntField()),
                ('used_at', fields.BigIntField(null=True)),
            ],
            options={'table': 'invites', 'app': 'identity', 'pk_attr': 'id'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='Session',
            fields=[
                ('id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=36)),
                ('family', fields.CharField(db_index=True, max_length=36)),
                ('user_id', fields.CharField(db_index=True, max_length=36)),
                ('renew_hash', fields.CharField(unique=True, max_length=64)),
                ('created_at', fields.BigIntField()),
                ('expires_at', fields.BigIntField(db_index=True)),
                ('renewed_at', fields.BigIntField(null=True)),
                ('revoked_at', fields.BigIntField(null=True, db_index=True)),
            ],
            options={'table': 'sessions', 'app': 'identity', 'pk_attr': 'id'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='SetupToken',
            fields=[
                ('id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=16)),
                ('hash', fields.CharField(max_length=64)),
                ('created_at', fields.BigIntField()),
                ('used_at', fields.BigIntField(null=True)),
            ],
            options={'table': 'setup_tokens', 'app': 'identity', 'pk_attr': 'id'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='User',
            fields=[
                ('number', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('id', fields.CharField(unique=True, max_length=36)),
                ('account_id', fields.CharField(db_index=True, max_length=36)),
                ('email', fields.CharField(max_length=254)),
                ('email_key', fields.CharField(null=True, unique=True, max_length=254)),
                ('password_hash', fields.CharField(default='', max_length=60)),
                ('role', fields.CharField(max_length=8)),
                ('full_name', fields.CharField(null=True, max_length=200)),
                ('display_name', fields.CharField(null=True, max_length=200)),
                ('profile_photo_url', fields.CharField(null=True, max_length=2000)),
                ('is_operator', fields.BooleanField(default=False)),
                ('twin_of', fields.CharField(null=True, unique=True, max_length=36)),
                ('created_at', fields.BigIntField()),
                ('disabled_at', fields.BigIntField(null=True)),
                ('archived_at', fields.BigIntField(null=True)),
            ],
            options={'table': 'users', 'app': 'identity', 'pk_attr': 'number'},
            bases=['Model'],
        ),
    ]
