from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise import fields
from tortoise.indexes import Index

class Migration(migrations.Migration):
    initial = True

    operations = [
        ops.CreateModel(
            name='GoogleMail',
            fields=[
                ('id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=120)),
                ('connection_id', fields.CharField(max_length=36)),
                ('account_id', fields.CharField(max_length=36)),
                ('told_at', fields.BigIntField()),
            ],
            options={'table': 'google_mails', 'app': 'google', 'indexes': [Index(fields=['connection_id', 'told_at'])], 'pk_attr': 'id'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='GoogleMailbox',
            fields=[
                ('connection_id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=36)),
                ('account_id', fields.CharField(max_length=36)),
                ('user_id', fields.CharField(max_length=36)),
                ('external_id', fields.CharField(max_length=320)),
                ('history_id', fields.CharField(max_length=32)),
                ('looked_at', fields.BigIntField()),
                ('seq', fields.BigIntField(default=0)),
            ],
            options={'table': 'google_mailboxes', 'app': 'google', 'indexes': [Index(fields=['account_id'])], 'pk_attr': 'connection_id'},
            bases=['Model'],
        ),
    ]
